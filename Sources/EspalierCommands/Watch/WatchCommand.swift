import ArgumentParser
import EspalierKit
import Faults
import Files
import Foundation
import Watch

/// `espalier watch`
public struct WatchCommand: ParsableCommand, Verb {
    public static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Watches a model's quality after its rollout.",
        discussion: """
            First the dense model's predictions for a set of prompts are stored: --write-reference. Then each call \
            scores the served model on those prompts, and on logged --prompts if there are any, appends a line to \
            the history and looks for drift. Prompts are JSON objects, one per line or in one array: {"prompt": …, \
            "completion": …} scores the completion, {"prompt": …} or {"text": …} the text itself, {"messages": …} or \
            {"conversations": …} the last reply.

            Drift is a lasting change of the divergence from the dense model, or of the loss on the users' prompts, \
            against the intervals before. The test is sequential: the chance of any false alarm is at most --alpha \
            over the whole history, however long. Documentation/Watch.md explains it.

            Without --endpoint, Espalier's own engine computes with the model's files: a damaged file, another model or \
            other traffic is found, but not what a server does with them. --endpoint asks the server itself: for \
            log-probabilities where it gives them by token ids (vLLM), else for its next token at places of the prompts \
            (llama.cpp and others). The reference is made from the model's files in both cases.

            --golden asks prompts whose answers are known, greedily. A prompt that was answered as expected when the \
            baseline began, and no longer is, raises an alarm at once.

            Exits with 0 if there is no drift and with 2 if there is an alarm, which lasts until --new-baseline.

            EXAMPLES
              espalier watch dense --write-reference ref.safetensors --prompts p.jsonl
              espalier watch pruned --reference ref.safetensors --history h.jsonl
              espalier watch pruned --reference ref.safetensors --history h.jsonl \\
                --prompts today.jsonl --prometheus espalier.prom
              espalier watch --endpoint http://127.0.0.1:8000 --tokenizer pruned \\
                --reference ref.safetensors --history served.jsonl --golden golden.json
            """)

    @Argument(
        help: ArgumentHelp(
            "The model: a Hugging Face folder or a .gguf file; none with --endpoint.", valueName: "model"),
        completion: .model)
    public var model: String?

    @Option(
        name: .long,
        help: ArgumentHelp("Stores this model's predictions for --prompts in this file.", valueName: "file"),
        completion: .file())
    public var writeReference: String?

    @Option(
        name: .long, help: ArgumentHelp("The dense model's stored predictions.", valueName: "file"), completion: .file()
    )
    public var reference: String?

    @Option(
        name: .long, help: ArgumentHelp("The history file, to which a line is appended.", valueName: "file"),
        completion: .file())
    public var history: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Prompts, in any of the forms above.", valueName: "file"), completion: .texts)
    public var prompts: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Golden prompts, as for `espalier gate`, that the model answers at every call.", valueName: "file"),
        completion: .file(extensions: ["json"]))
    public var golden: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "New tokens at most of an answer to --golden (default: \(GoldenWatch.defaultTokens)).", valueName: "n"))
    public var maxTokens: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Reads only this key of the prompts: a text, or a list of messages (default: the usual forms).",
            valueName: "name"))
    public var textField: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Number of likeliest tokens that the reference stores per position (default: 64).", valueName: "k"))
    public var top: Int?

    @Option(
        name: .long,
        help: ArgumentHelp("Maximum number of tokens in a prompt; longer ones are cut (default: 512).", valueName: "n"))
    public var length: Int?

    @Option(
        name: .long,
        help: ArgumentHelp("Maximum chance of a false alarm over the whole history (default: 0.01).", valueName: "p"))
    public var alpha: Double?

    @Flag(name: .long, help: "Starts a new baseline with this interval, after an intended change.")
    public var newBaseline = false

    @Option(
        name: .long, help: ArgumentHelp("Writes the figures for Prometheus, replacing the file.", valueName: "file"),
        completion: .file())
    public var prometheus: String?

    @OptionGroup(title: "Server") public var scoring: ScoringOptions
    @OptionGroup(title: "Engine") public var engine: EngineOptions
    @OptionGroup(title: "Messages") public var messages: OutputOptions

    public init() {}

    public mutating func validate() throws {
        try scoring.check(model)
        if scoring.server.endpoint != nil {
            guard writeReference == nil else {
                throw ValidationError(
                    "--write-reference stores whole predictions, which no server tells: name the dense model's files.")
            }
            try engine.refuseForEndpoint()
        }
        guard (reference == nil) != (writeReference == nil) else {
            throw ValidationError("Give either --reference FILE or --write-reference FILE.")
        }
        if let top, !(1...65_536).contains(top) { throw ValidationError("--top must be between 1 and 65536.") }
        if let length, !(2...1_048_576).contains(length) {
            throw ValidationError("--length must be between 2 and 1048576, not \(length).")
        }
        if let maxTokens, !(1...1_048_576).contains(maxTokens) {
            throw ValidationError("--max-tokens must be between 1 and 1048576, not \(maxTokens).")
        }
        guard maxTokens == nil || golden != nil else { throw ValidationError("--max-tokens applies to --golden.") }
        guard textField == nil || prompts != nil else { throw ValidationError("--text-field applies to --prompts.") }
        if let alpha, !(alpha > 0 && alpha < 1) { throw ValidationError("--alpha must be above 0 and below 1.") }
        if writeReference != nil {
            guard prompts != nil else { throw ValidationError("--write-reference needs --prompts FILE.") }
            guard history == nil, prometheus == nil, alpha == nil, golden == nil, !newBaseline else {
                throw ValidationError(
                    "--history, --prometheus, --alpha, --golden and --new-baseline cannot be used with "
                        + "--write-reference.")
            }
        } else {
            guard history != nil else { throw ValidationError("--reference needs --history FILE.") }
            guard top == nil else { throw ValidationError("--top is set when the reference is written.") }
            guard length == nil || prompts != nil else {
                throw ValidationError("--length applies to --prompts; the reference's prompts are already cut.")
            }
        }
    }

    public mutating func run() throws {
        let reporter = messages.makeReporter()
        if let writeReference, let prompts {
            try SamePath.refuse(writeReference, "--write-reference", among: [model ?? "", prompts])
            let written = try run(reporter).writeReference(
                to: writeReference, prompts: prompts, topCount: top ?? WatchReference.defaultTopCount, reporter)
            try messages.write(json: written.json, text: written.text)
        } else if let reference, let history {
            try watch(reference, history, reporter)
        }
    }

    private func run(_ reporter: ProgressReporter) throws(Fault) -> WatchRun {
        WatchRun(
            model: model ?? "", length: length ?? WatchRun.defaultLength, textField: textField,
            engine: try engine.start(reporter))
    }

    private func watch(_ reference: String, _ history: String, _ reporter: ProgressReporter) throws {
        let inputs = [model, scoring.tokenizer, reference, prompts, golden].compactMap { $0 }
        try SamePath.refuse(history, "--history", among: inputs)
        let metrics = try prometheus.map { path throws(Fault) in
            try SamePath.refuse(path, "--prometheus", among: inputs + [history])
            return try OutputTarget(path)
        }
        let now = Date()
        let messages = messages
        var delivery = messages.makeDelivery()
        var isAlarm = false
        // The history's line comes last: a call that fails for its other outputs has counted nothing, and may be made
        // again. An alarm is no failure of the call, so its line is written whatever happened to them.
        delivery.attempt { () throws(Fault) in
            var telling = Delivery()
            try measure(reference, history, WatchRun.text(of: now), reporter) { (report) throws(Fault) in
                isAlarm = report.drift.isAlarm
                for reason in report.drift.reasons { reporter.warning("ALARM: \(reason)") }
                telling.attempt { () throws(Fault) in
                    try metrics?.write(
                        PrometheusText.of(report.interval, report.drift, timestamp: now.timeIntervalSince1970))
                }
                telling.attempt { () throws(Fault) in
                    // In one log or on one terminal the reasons stand once.
                    try messages.write(
                        json: report.json, text: report.text(hasReasons: !StandardOutput.isWhereErrorsGo))
                }
                if let fault = telling.fault, !isAlarm { throw fault }
            }
            if let fault = telling.fault { throw fault }
        }
        try delivery.finish(verdict: isAlarm ? WatchRun.alarmExitCode : 0)
    }

    private func measure(
        _ reference: String, _ history: String, _ time: String, _ reporter: ProgressReporter,
        tell: (WatchRun.Report) throws(Fault) -> Void
    ) throws(Fault) {
        let alpha = alpha ?? DriftReport.defaultAlpha
        let golden = golden.map { GoldenWatch(file: $0, maxTokens: maxTokens ?? GoldenWatch.defaultTokens) }
        if let endpoint = try scoring.settings() {
            _ = try ServedWatchRun(
                endpoint: endpoint, tokenizer: scoring.tokenizer ?? "", length: length ?? WatchRun.defaultLength,
                textField: textField
            ).watch(
                reference: reference, history: history, prompts: prompts, golden: golden, alpha: alpha,
                isNewBaseline: newBaseline, time: time, reporter, tell: tell)
        } else {
            _ = try run(reporter).watch(
                reference: reference, history: history, prompts: prompts, golden: golden, alpha: alpha,
                isNewBaseline: newBaseline, time: time, reporter, tell: tell)
        }
    }
}
