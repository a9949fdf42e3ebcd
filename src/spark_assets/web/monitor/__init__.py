"""The billing address of the vendor's gateway."""
