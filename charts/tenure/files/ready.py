"""Asks the operator at a URL whether it is ready, for a minute at most, and says what it answers."""

import sys
import time
import urllib.error
import urllib.request

url = sys.argv[1]
for _ in range(30):
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            print(f"{url}: {answer.read().decode().strip()}")
            sys.exit()
    except urllib.error.HTTPError as error:
        said = error.read().decode().strip()
    except OSError as error:
        said = str(error)
    print(f"{url}: {said}", flush=True)
    time.sleep(2)
sys.exit("The operator is not ready.")
