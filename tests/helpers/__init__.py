"""What the tests share: tiny models, working directories to build in, a device of counted bytes, a hub on loopback."""
