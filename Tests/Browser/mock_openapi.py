"""A description with what the page about the API has to show: references, alternatives, nesting, errors."""

ERROR = {"$ref": "#/components/schemas/Error"}


def errors(*statuses):
    return {
        status: {"description": text, "content": {"application/json": {"schema": ERROR}}}
        for status, text in statuses
    }


DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "GPT-2 Service", "version": "0.4.0", "description": "Texts by GPT-2 over HTTP."},
    "security": [{"key": []}],
    "paths": {
        "/generate": {
            "post": {
                "operationId": "generate",
                "summary": "Continues a text",
                "description": "Waits for the result, or streams it as server-sent events.",
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {"$ref": "#/components/schemas/GenerateRequest"},
                            "example": {"prompt": "The king", "max_new_tokens": 8, "stream": True},
                        }
                    },
                },
                "responses": {
                    "200": {
                        "description": "The result",
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/Result"}},
                            "text/event-stream": {"schema": {"type": "string"}},
                        },
                    },
                    **errors(("401", "No or a wrong key"), ("422", "A value out of range"), ("503", "No queue")),
                },
            }
        },
        "/jobs/{id}": {
            "parameters": [{"$ref": "#/components/parameters/JobID"}],
            "get": {
                "summary": "The state of a job",
                "parameters": [
                    {"name": "wait_ms", "in": "query", "schema": {"type": "integer", "minimum": 0, "maximum": 30000}}
                ],
                "responses": {
                    "200": {
                        "description": "The job",
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Result"}}},
                    },
                    **errors(("404", "No such job")),
                },
            },
            "delete": {"summary": "Cancels a job", "responses": {"204": {"description": "Cancelled"}}},
        },
        "/queue": {
            "get": {
                "summary": "The state of the queue",
                "responses": {
                    "200": {
                        "description": "Depth, workers and recent jobs",
                        "content": {"application/json": {"schema": {"type": "object"}}},
                    }
                },
            }
        },
    },
    "components": {
        "parameters": {
            "JobID": {
                "name": "id", "in": "path", "required": True, "description": "The id of the job",
                "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
            }
        },
        "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "x-api-key"}},
        "schemas": {
            "GenerateRequest": {
                "type": "object",
                "required": ["prompt"],
                "properties": {
                    "prompt": {
                        "description": "The text to continue",
                        "oneOf": [
                            {"type": "string", "minLength": 1},
                            {"type": "array", "items": {"type": "integer", "minimum": 0}},
                        ],
                    },
                    "max_new_tokens": {"type": "integer", "minimum": 1, "maximum": 512, "default": 50},
                    "temperature": {"type": "number", "minimum": 0, "maximum": 100, "default": 1},
                    "priority": {"enum": ["high", "default", "low"], "default": "default"},
                    "stream": {"type": ["boolean", "null"], "default": False},
                },
            },
            "Choice": {
                "type": "object",
                "properties": {
                    "index": {"type": "integer"},
                    "text": {"type": "string"},
                    "finish_reason": {"enum": ["length", "stop", "stop_sequence"]},
                },
            },
            "Result": {
                "type": "object",
                "required": ["id", "status"],
                "properties": {
                    "id": {"type": "string"},
                    "status": {"enum": ["completed", "failed", "cancelled", "expired"]},
                    "choices": {"type": "array", "items": {"$ref": "#/components/schemas/Choice"}},
                    "parent": {"$ref": "#/components/schemas/Result"},
                },
            },
            "Error": {
                "type": "object",
                "required": ["error"],
                "properties": {
                    "error": {
                        "type": "object",
                        "required": ["message", "type", "code"],
                        "properties": {
                            "message": {"type": "string", "description": "What was wrong and what is allowed"},
                            "type": {"type": "string"},
                            "param": {"type": ["string", "null"]},
                            "code": {"type": "string"},
                        },
                    }
                },
            },
        },
    },
}
