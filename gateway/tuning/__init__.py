"""What a maintainer asks of the rules: explain, what if, preview, what is usual."""
