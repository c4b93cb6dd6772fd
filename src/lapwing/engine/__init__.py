"""The only thing that runs: from the log through formats and stages into the ledger."""
