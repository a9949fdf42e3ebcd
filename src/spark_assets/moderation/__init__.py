"""The moderation adapters: an HTTP endpoint, or an installed plug-in."""
