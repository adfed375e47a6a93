"""The deploy platform: its storage, its functions and their triggers."""
