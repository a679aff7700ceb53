"""The only code that writes data files: lake, releases, mirrors."""
