"""The deploy platform: its storage, its functions and what calls them."""
