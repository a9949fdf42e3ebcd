"""The bytes of assets, by signed links."""
