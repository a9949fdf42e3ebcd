"""What things are and may become. Standard library and msgspec only."""
