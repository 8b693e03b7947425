"""``python -m smtune.sandbox.xgboost_algorithm``."""

from smtune.sandbox.xgboost_algorithm import main

if __name__ == "__main__":
    main()
