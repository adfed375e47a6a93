"""CloudFront Functions: their events, and the JavaScript engine that runs their code."""
