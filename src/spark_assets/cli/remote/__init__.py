"""Commands that speak to a server over HTTP, all of them through the SDK."""
