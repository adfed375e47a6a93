"""What runs in Lambda: shipped whole, and never importing the program that deploys it."""
