exports.serveStatic = async () => { throw new Error("the code has no public files"); };
