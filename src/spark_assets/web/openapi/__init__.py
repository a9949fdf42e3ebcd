"""What the server tells of itself: the OpenAPI document, and the page made from it."""
