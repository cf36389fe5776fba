/// The routes of the HTTP API, each with what its documentation says.
enum APIRoute: String, CaseIterable, Sendable {
    case submit, list, show, output, cancel, retry, document

    /// The method, in capitals.
    var method: String {
        switch self {
        case .submit, .cancel, .retry: "POST"
        case .list, .show, .output, .document: "GET"
        }
    }

    /// The path, with parameters in braces.
    var path: String {
        switch self {
        case .submit, .list: "/v1/jobs"
        case .show: "/v1/jobs/{id}"
        case .output: "/v1/jobs/{id}/output"
        case .cancel: "/v1/jobs/{id}/cancel"
        case .retry: "/v1/jobs/{id}/retry"
        case .document: "/v1/openapi.json"
        }
    }

    /// What it does, in one sentence.
    var summary: String {
        switch self {
        case .submit: "Submit a task or a workflow; when it is answered 201, it is stored."
        case .list: "List jobs, the newest first."
        case .show: "Show everything that is known of a job."
        case .output:
            "Read what a job wrote, byte for byte; followed, the stream ends with the job, or when the server stops."
        case .cancel: "Cancel a job: one that waits at once, one that runs by telling its worker."
        case .retry: "Let a job that is over run again, with all its attempts."
        case .document: "This document."
        }
    }

    /// The query's parameters, with their types and what they do.
    var query: [(name: String, type: String, summary: String)] {
        switch self {
        case .list:
            [
                ("state", "array", "Only jobs in these states."),
                ("task", "array", "Only jobs of these tasks."),
                ("queue", "array", "Only jobs in these queues."),
                ("workflow", "integer", "Only jobs of the workflow that began with this id."),
                ("limit", "integer", "The most jobs, from 1 to 1000; 20 by default."),
            ]
        case .show: [("lines", "integer", "How many of the last lines of output, from 0 to 10000; 10 by default.")]
        case .output:
            [
                ("follow", "boolean", "Go on until the job is over."),
                ("all", "boolean", "The lines of all runs, not only those of the result."),
                ("source", "string", "`output` (the default) or `error`."),
            ]
        case .submit, .cancel, .retry, .document: []
        }
    }

    /// The answers, by status, besides 401, 403 and 503, which every route has.
    var answers: [(status: Int, summary: String)] {
        switch self {
        case .submit:
            [
                (201, "The ids of the jobs."),
                (400, "The body is no such JSON, or names tasks or arguments that are not there."),
                (409, "The store does not take such a workflow."), (413, "The body is too large."),
                (415, "The body is not application/json."),
            ]
        case .list: [(200, "The jobs."), (400, "A parameter has a value that it does not take.")]
        case .show:
            [
                (200, "The job."), (400, "That is no id, or a parameter has a value that it does not take."),
                (404, "There is no such job."),
            ]
        case .output:
            [
                (200, "The lines."), (400, "That is no id, or a parameter has a value that it does not take."),
                (404, "There is no such job."),
            ]
        case .cancel, .retry:
            [
                (200, "What was done."), (400, "That is no id."), (404, "There is no such job."),
                (409, "Its state does not allow it."),
            ]
        case .document: [(200, "The document.")]
        }
    }
}
