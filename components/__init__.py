"""The components of which every stage is composed. Code that runs in Lambda is in `runtime`."""
