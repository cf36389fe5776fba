import FoundationEssentials
import LastCall

/// The stages to hold against deployment files, and where they come from.
struct StagePlan: Sendable {
    /// `--budget`, or the plan's file.
    let origin: String
    /// The stages and their budgets.
    let requests: [PlanArithmetic.Request]
    /// The preStop time that the service itself declares.
    let preStop: Duration?
    /// The reserve that the service itself asks for.
    let reserve: Duration?

    /// Budgets as they are given to `--budget`: `30s`, or `intake=30s`.
    ///
    /// Stages without a name are numbered.
    ///
    /// - Throws: ``LastCallError/Code/invalidPlan`` for what is not a budget, and for a name that is used twice.
    init(budgets: [String]) throws(LastCallError) {
        var stages: [PlanArithmetic.Request] = []
        for (index, text) in budgets.enumerated() {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = parts.count == 2 ? parts[0].trimmingSpaces() : "stage \(index + 1)"
            guard let budget = DurationText.parse(parts[parts.count - 1]), budget > .zero, !name.isEmpty else {
                throw LastCallError(
                    .invalidPlan,
                    "--budget: \"\(text)\" is not a budget; write a duration above 0 such as 30s, or intake=30s"
                )
            }
            guard !stages.contains(where: { $0.stage == name }) else {
                throw LastCallError(
                    .invalidPlan, "--budget: the stage \"\(name)\" is given twice; every stage needs its own name")
            }
            stages.append(.init(stage: name, budget: budget))
        }
        self.origin = "--budget"
        self.requests = stages
        self.preStop = nil
        self.reserve = nil
    }

    /// The plan that a service wrote with `--print-plan`.
    init(file: InputFile) throws(CheckError) {
        let text = try file.text()
        let description: PlanDescription
        do {
            description = try JSONDecoder().decode(PlanDescription.self, from: Data(text.utf8))
        } catch let error as LastCallError {
            throw file.failure(.invalidValue, error.message)
        } catch let error as DecodingError {
            throw file.failure(
                .malformed, "is not a plan: \(Self.explain(error)); write it with the service's --print-plan")
        } catch {
            throw file.failure(.malformed, "is not a plan: \(error); write it with the service's --print-plan")
        }
        self.origin = file.name
        self.requests = description.requests
        self.preStop = description.preStop
        self.reserve = description.reserve
    }

    /// The sum of the budgets that are stated.
    var stated: Duration { requests.compactMap(\.budget).reduce(.zero, +) }

    /// The stages that ask for a share of what the others leave.
    var sharing: [String] { requests.filter { $0.budget == nil }.map(\.stage) }

    /// `intake 30s + close 5s = 35s`.
    var explanation: String {
        let terms = requests.map { "\($0.stage) \($0.budget.map(DurationText.format) ?? "(a share)")" }
        return terms.joined(separator: " + ") + (terms.count > 1 && stated > .zero ? " = \(needText)" : "")
    }

    /// `35s`, `35s + 1 share`.
    var needText: String {
        guard !sharing.isEmpty else { return DurationText.format(stated) }
        let shares = sharing.count == 1 ? "1 share" : "\(sharing.count) shares"
        return stated > .zero ? "\(DurationText.format(stated)) + \(shares)" : shares
    }

    private static func explain(_ error: DecodingError) -> String {
        func key(_ context: DecodingError.Context, _ last: (any CodingKey)? = nil) -> String {
            (context.codingPath + (last.map { [$0] } ?? [])).map { $0.intValue.map(String.init) ?? $0.stringValue }
                .joined(separator: ".")
        }
        switch error {
        case .keyNotFound(let missing, let context): return "\(key(context, missing)) is missing"
        case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
            let place = key(context)
            return place.isEmpty ? "it must be an object" : "\(place) must be \(Self.jsonName(of: type))"
        case .dataCorrupted(let context):
            let place = key(context)
            return place.isEmpty ? "it is not valid JSON" : "\(place): \(context.debugDescription)"
        @unknown default: return "\(error)"
        }
    }

    private static func jsonName(of type: any Any.Type) -> String {
        switch type {
        case is Int.Type: "a whole number"
        case is Double.Type: "a number"
        case is String.Type: "text"
        default: "\(type)".hasPrefix("Array") ? "a list" : "an object"
        }
    }
}
