"""What browsers and other services call."""
