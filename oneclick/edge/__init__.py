"""A camera that runs its model itself, and sends what it saw to a server."""
