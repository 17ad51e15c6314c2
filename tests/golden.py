"""Golden digests: one small run of every problem, the same 64 digits everywhere.

``python tests/golden.py [NAME…]`` prints them.
"""

from __future__ import annotations

import sys

from run_cases import CASES

from serialeq import fit

GOLDEN = {
    "mf": "b5c6fa3fb0d71f67cf6886a6a501e4d45ff7a036b29f54d46a548d9eace8239c",
    "mf float64": "58e2f970bc3ac7808b93a5b7aa80e9eb933305e99901a76b6d612d931d5ab741",
    "mf adagrad": "bbe6f3a2e14d3927d5622dd0ee9361af5dbc123b374ac076b1e9187370a33ae4",
    "mf inverse": "de73ef3bb4d280d686e6c1fd833f4c4a0e379ddf5250c6df4da3958328d30d8d",
    "linear": "ad110e5e613622d9c436289e0650586c36e4a9d13b8b4c2b7f894b3ef591e3b2",
    "linear logistic": "866371fcb415b085ce12323d9185f4f67ee761bab3416cb5f2dcea772e8fd94e",
    "linear dense": "97c1e921a057c7bad3295fa15e0bfcc6f398c05e292ef230f3436bf33cba71e2",
    "linear float64": "62e8a0c316f5008445f72b8b2869bfed09fbcb481420d433c24a86085d7fc62c",
    "linear pegasos": "daa95de9f1492793165832d822871578419de07d93338fcc695e5d97aba81c15",
    "cut": "1728f291fc785fd5a6fea956343ac0885f37f2197d421047ab04e430052eb18a",
    "cut multiway": "eeaaee9ac7a9a8497f90328863ad9c568385dd87d4697ec8cdc566df1a4604ab",
    "embed": "cf9029fadb83139bd8326872e75278edf68bb91d1dfc736e1e255ece17d148d7",
    "topics": "c2c913bfcaf41b5ac732934c44e4076a4ba797a89bb3d4a2f29315543827372e",
    "network": "21a6fd5944c91bf89d80e1f85ce83729b707311fabc782fe9ef98dc6f90667e7",
    "network independent": "0e4e2a684c2c81403f79994bc5f53b9853ef19e6bf60b8099f137ca840b53d02",
}


def digest(name: str) -> str:
    """Return the digest of three epochs of the serial run."""
    make, order, _ = CASES[name]
    return fit(make(), order, n_epochs=3, engine="serial", n_jobs=1, seed=5, with_loss=False).digest


if __name__ == "__main__":
    for name in sys.argv[1:] or CASES:
        print(f"{name}\t{digest(name)}", flush=True)
