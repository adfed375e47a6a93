// Takes the place of the packages @aws-sdk/client-s3 and @aws-sdk/client-dynamodb. It sends each command to the fake
// AWS of the test process (override_host.py), which answers with moto.

class Command {
  constructor(input) {
    this.input = input;
  }
}

export class BatchGetItemCommand extends Command {}
export class DeleteObjectCommand extends Command {}
export class GetObjectCommand extends Command {}
export class PutObjectCommand extends Command {}
export class UpdateItemCommand extends Command {}

class Client {
  constructor({ region }) {
    this.region = region;
  }

  async send(command) {
    const operation = command.constructor.name.replace(/Command$/, "");
    const call = { service: this.service, region: this.region, operation, input: command.input };
    const response = await fetch(process.env.FAKE_AWS, { method: "POST", body: JSON.stringify(call) });
    const { error, output } = await response.json();
    if (error) throw Object.assign(new Error(error), { name: error });
    if (typeof output.Body === "string") output.Body = { transformToString: async () => text(output) };
    if (output.LastModified) output.LastModified = new Date(output.LastModified);
    return output;
  }
}

const text = (output) => Buffer.from(output.base64, "base64").toString("utf8");

export class S3Client extends Client {
  service = "s3";
}

export class DynamoDBClient extends Client {
  service = "dynamodb";
}
