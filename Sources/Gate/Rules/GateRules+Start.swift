extension GateRules {
    /// What `gate --init` writes: rules for all stages, with limits to begin with. `examples/gate.yaml` is the same
    /// file.
    public static let start = """
        # Rules for `espalier gate`. The limits are a beginning: set them by what your service can bear.
        #
        #   espalier gate results.json --rules gate.yaml --stage canary
        #
        # Each rule names a figure and the largest (max) or smallest (min) value that passes. A figure that was not
        # measured is "not comparable" and never passes, unless the rule has `optional: true`: then it is skipped.
        version: 1
        stages:
          # A trial that no user sees. Needs: espalier evaluate PRUNED --against DENSE --text FILE --output results.json
          poc:
            perplexity_ratio: {max: 2.0}
            kl: {max: 1.0}

          # A small share of the users. Golden prompts are checked when --golden ANSWERS is given.
          canary:
            perplexity_ratio: {max: 1.15}
            kl: {max: 0.25}
            top1_agreement: {min: 0.8}
            golden_prompts: {min: 1, match: contains, optional: true}

          # All users. `recovery` needs tasks in both results and --baseline DENSE.json, `size_ratio` needs
          # --report PRUNED/report.json, `speed_ratio` needs --benchmark FILE of `espalier benchmark --against DENSE`.
          full:
            perplexity_ratio: {max: 1.1}
            kl: {max: 0.2}
            top1_agreement: {min: 0.85}
            golden_prompts: {min: 1, match: contains, optional: true}
            recovery: {min: 0.95, optional: true}
            size_ratio: {bytes: {max: 1.0, optional: true}}
            speed_ratio: {decode_tokens_per_second: {min: 1.0, optional: true}}

          # Add for a model that `espalier recover` trained. Needs --pruned PRUNED.json, the results from before
          # recovery, and --recovery RECOVERED/recovery.json:
          #   gap_closed: {min: 0.2}           # share of the log-perplexity gap to the dense model that was closed
          #   perplexity_vs_pruned: {max: 1}   # no text got worse
          #   accuracy_vs_pruned: {min: -1}    # mean of the tasks, in standard errors of the difference
          #   held_out_loss: {max: 0.99}       # on sequences that were not trained on, after / before

        """
}
