#!/bin/sh
# A report every second. It knows nothing of elections: `tenure campaign` runs it only while its pod leads, and ends it
# before another one can. The term is in its environment, for whoever has to refuse a former leader.
set -eu

trap 'echo "term $TENURE_TERM: done"; exit 0' TERM
while true; do
    echo "term $TENURE_TERM: a report"
    sleep 1 &
    wait $!
done
