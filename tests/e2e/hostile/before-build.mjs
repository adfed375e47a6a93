// Runs in the build with the build's credentials. The script of any dependency could do the same.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

// A Python with boto3, which the build image of CodeBuild has, too.
const { python } = JSON.parse(readFileSync("attempts.json", "utf8"));
process.stdout.write(execFileSync(python, ["attempt.py"], { encoding: "utf8" }));
