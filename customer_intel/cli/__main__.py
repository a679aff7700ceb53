"""python -m customer_intel.cli."""

from customer_intel.cli import main

if __name__ == "__main__":
    main()
