// Runs in the build, as any dependency's script could, with whatever the build has.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

// A Python with boto3, as the build image of CodeBuild has one.
const { python } = JSON.parse(readFileSync("attempts.json", "utf8"));
process.stdout.write(execFileSync(python, ["attempt.py"], { encoding: "utf8" }));
