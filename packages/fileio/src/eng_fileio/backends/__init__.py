"""The places that come with this package, one file each."""
