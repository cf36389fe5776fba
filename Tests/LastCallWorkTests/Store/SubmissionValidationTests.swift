import LastCallWork
import Testing

@Suite struct SubmissionValidationTests {
    static func job(_ change: (inout RecordDraft) -> Void = { _ in }) -> RecordDraft {
        var draft = RecordDraft(kind: "job")
        change(&draft)
        return draft
    }

    static func code(_ submission: Submission) -> WorkError.Code? {
        do throws(WorkError) { try submission.validate(payloadBytesMax: 10) } catch { return error.code }
        return nil
    }

    static let long = String(repeating: "é", count: 257)

    @Test(
        "a record that cannot be stored is refused",
        arguments: [
            (RecordDraft(kind: ""), .invalidSubmission),
            (job { $0.payload = Array(repeating: 1, count: 11) }, .tooLarge),
            (RecordDraft(kind: long), .tooLarge), (job { $0.queue = long }, .tooLarge),
            (job { $0.lane = long }, .tooLarge),
            (job { $0.key = UniqueKey(long) }, .tooLarge), (job { $0.lane = "a\u{7F}" }, .invalidSubmission),
            (job { $0.key = UniqueKey("a\0") }, .invalidSubmission), (job { $0.queue = "a\tb" }, .invalidSubmission),
            (job { $0.priority = 101 }, .invalidSubmission), (job { $0.priority = -101 }, .invalidSubmission),
            (job { $0.attemptsMax = 0 }, .invalidSubmission), (job { $0.lossesMax = -1 }, .invalidSubmission),
            (job { $0.node = 0 }, .invalidSubmission), (job { $0.waitsForNode = -1 }, .invalidSubmission),
        ] as [(RecordDraft, WorkError.Code)])
    func record(draft: RecordDraft, code: WorkError.Code) { #expect(Self.code(Submission(draft)) == code) }

    @Test("what is just within the limits is accepted")
    func limits() {
        let draft = Self.job { draft in
            draft.payload = Array(repeating: 1, count: 10)
            draft.priority = -100
            draft.lossesMax = 0
            draft.key = UniqueKey(String(repeating: "é", count: 256))
            draft.queue = ""
        }
        #expect(Self.code(Submission(draft)) == nil)
    }

    @Test("a submission has at least one record, and not too many")
    func count() {
        #expect(Self.code(Submission(records: [])) == .invalidSubmission)
        let many = Array(repeating: Self.job(), count: Submission.recordsMax + 1)
        #expect(Self.code(Submission(records: many)) == .tooLarge)
    }

    @Test("groups that do not add up, or would wait for ever, are refused")
    func groups() {
        let member = Self.job { $0.node = 0 }
        let wrong: [Submission] = [
            Submission(records: [member], nodes: [NodeDraft(membersCount: 2)]),
            Submission(records: [member], nodes: [NodeDraft(membersCount: 0)]),
            Submission(records: [Self.job()], nodes: [NodeDraft(membersCount: -1)]),
            Submission(records: [member], nodes: [NodeDraft(membersCount: 1, parent: 0)]),
            Submission(records: [member], nodes: [NodeDraft(membersCount: 1, waitsForNode: 0)]),
            Submission(records: [member], nodes: [NodeDraft(membersCount: 1, parent: 7)]),
            Submission(
                records: [member], nodes: [NodeDraft(membersCount: 1, waitsForNode: 1), NodeDraft(membersCount: 0)]),
            Submission(
                records: [
                    Self.job { draft in
                        draft.node = 0
                        draft.waitsForNode = 0
                    }
                ], nodes: [NodeDraft(membersCount: 1)]),
            Submission(
                records: [
                    member,
                    Self.job { draft in
                        draft.waitsForNode = 0
                        draft.waitsForRecord = WorkID(rawValue: 1)
                    },
                ], nodes: [NodeDraft(membersCount: 1)]),
        ]
        for submission in wrong { #expect(Self.code(submission) == .invalidSubmission, "\(submission)") }
        let right = Submission(
            records: [member, Self.job { $0.waitsForNode = 0 }],
            nodes: [NodeDraft(membersCount: 2), NodeDraft(membersCount: 0, parent: 0, member: 1)])
        #expect(Self.code(right) == nil)
    }
}
