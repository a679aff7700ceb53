"""python -m customer_intel.cli."""

from customer_intel.cli import program

if __name__ == "__main__":
    program()
