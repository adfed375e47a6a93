"""Messages and events: SQS, SNS and EventBridge."""
