#!/bin/sh
# Works on numbered items, two seconds each. Told to stop, it finishes the item at hand, says so and leaves with 0.

item=0
stopping=

stop() {
    [ -z "$stopping" ] && echo "worker: SIG$1 received, finishing item $item"
    stopping=$1
}
trap 'stop TERM' TERM
trap 'stop INT' INT

# Half an item's work. A signal to the whole group ends the nap, not the item; the shell's remark about it is not wanted.
nap() { { sleep 1; } 2>/dev/null; }

echo "worker: started"
while [ -z "$stopping" ]; do
    item=$((item + 1))
    echo "worker: item $item begun"
    nap
    nap
    echo "worker: item $item done"
done
echo "worker: $item items done, none left half done"
