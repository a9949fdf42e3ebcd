"""The HTTP doors: they translate and decide nothing."""
