"""Review platforms: our own queue, and services such as Encord."""
