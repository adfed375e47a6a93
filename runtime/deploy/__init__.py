"""The deploy platform: from a push to a live site."""
