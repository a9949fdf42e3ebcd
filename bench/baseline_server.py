"""`spark-assets serve` with the handlers of `baseline_application` in it.

Only the name of the application differs: the command, and every setting that it gives to granian, is the real one.
"""

import functools

import granian

from spark_assets.cli.main import main

if __name__ == "__main__":
    _serve_real = granian.Granian

    @functools.wraps(_serve_real)
    def _serve_with_baselines(_target: str, **settings: object) -> object:
        return _serve_real("bench.baseline_application:create", **settings)  # type: ignore[arg-type]  # passed on as they are

    granian.Granian = _serve_with_baselines  # type: ignore[assignment]  # the class is only ever called
    main()
