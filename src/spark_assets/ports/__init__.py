"""What the service needs from the world, as small Protocols."""
