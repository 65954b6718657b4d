"""Where people review: our own queue, and the services that teams already use."""
