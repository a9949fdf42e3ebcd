"""The web console: pages drawn on the server from what our own surface answers. It decides nothing."""
