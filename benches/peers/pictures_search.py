"""Searches hashes with the two indices of faiss that hasher-matcher-actioner uses; prints seconds a query and what was found."""
import sys, time
import faiss
import numpy as np

faiss.omp_set_num_threads(1)
entries = np.fromfile(sys.argv[1], dtype=np.uint8).reshape(-1, 32)
queries = np.fromfile(sys.argv[2], dtype=np.uint8).reshape(-1, 32)

def measure(name, index, queries):
    times, found = [], 0
    for query in queries:
        start = time.process_time()
        limits, _, _ = index.range_search(query.reshape(1, 32), 32)
        times.append(time.process_time() - start)
        found += int(limits[-1])
    print(name, sorted(times)[len(times) // 2], found)

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

before = resident()
start = time.process_time()
multi = faiss.IndexBinaryIDMap2(faiss.IndexBinaryMultiHash(256, 16, 16))
multi.index.own_fields = False
inner = faiss.downcast_IndexBinary(multi.index)
inner.nflip = 1
multi.add_with_ids(entries, np.arange(len(entries)))
print("build", time.process_time() - start, 0)
print("memory", resident() - before, 0)
measure("multi", multi, queries)
flat = faiss.IndexBinaryFlat(256)
flat.add(entries)
measure("flat", flat, queries[:20])
if len(entries) <= 1_000_000:
    octets = faiss.serialize_index_binary(multi)
    start = time.process_time()
    faiss.deserialize_index_binary(octets)
    print("open", time.process_time() - start, 0)
