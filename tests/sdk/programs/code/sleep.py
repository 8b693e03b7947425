"""A script that would take long."""

import time

print("loss=1.0", flush=True)
time.sleep(600)
