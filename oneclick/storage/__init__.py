"""Files of a workspace: atomic, with digests, each kind read and written in one place."""
