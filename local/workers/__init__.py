"""The Node.js processes that run the released functions of sites."""
