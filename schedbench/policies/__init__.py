"""What gets compared, one file each."""
