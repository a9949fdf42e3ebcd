"""The assembly line that turns an address into an active asset."""
