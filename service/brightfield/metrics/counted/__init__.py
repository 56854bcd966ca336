"""What is counted or measured in predictions, before it becomes numbers of a report."""
