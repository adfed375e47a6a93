"""The emulated CloudFront, and the Node.js workers that serve function URLs."""
