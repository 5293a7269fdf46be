// SPDX-License-Identifier: Apache-2.0

import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

/** Fetch client|connection METHOD URL: prints status and body. */
public class Fetch {
    public static void main(String[] args) throws Exception {
        URI uri = URI.create(args[2]);

        if (args[0].equals("client"))
            byClient(args[1], uri);
        else
            byConnection(args[1], uri);
    }

    private static void byClient(String method, URI uri) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        HttpRequest request = HttpRequest.newBuilder(uri)
            .method(method, HttpRequest.BodyPublishers.noBody()).build();
        HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());

        System.out.println(response.statusCode() + "\n" + response.body());
    }

    private static void byConnection(String method, URI uri) throws Exception {
        HttpURLConnection connection = (HttpURLConnection) uri.toURL().openConnection();

        connection.setRequestMethod(method);
        int status = connection.getResponseCode();
        InputStream body = status < 400 ? connection.getInputStream() : connection.getErrorStream();
        System.out.println(status + "\n" + new String(body.readAllBytes()));
    }
}
