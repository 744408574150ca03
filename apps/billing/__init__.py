"""What is invoiced."""
