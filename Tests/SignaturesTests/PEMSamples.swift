import JOSE
import Testing

/// A key as another tool wrote it.
struct PEMSample: Sendable, CustomTestStringConvertible {
    var name: String
    var algorithm: Algorithm
    var isPrivate: Bool
    var pem: String

    var testDescription: String { name }
}

/// Made for these tests with the openssl command; in use nowhere.
enum PEMSamples {
    static let all = [
        PEMSample(
            name: "PKCS #1 private", algorithm: .RS256, isPrivate: true,
            pem: """
            -----BEGIN RSA PRIVATE KEY-----
            MIIEpQIBAAKCAQEA9j6NwcqU5BxILPtF3JldDgm/ZWwtQ10elgfjj+4cTjxz2ijq
            nMQx4LEHJaA+XeOklN/ExCL7KCCb9LuXQDcmhZWxeG7+Jcsmpk5K+QURfiopre/O
            X9SXUas/IIwbm0OqX+NUJ736lYLviLTT34CHWrBcE9warWIb1L1gwzpdyOQM9yQk
            J4TcfsoIMPQUKtuq7PFey1zKnh694A0vTGsCFLg4whc1QZgyJnHHHOw7N9f63+qh
            tQ7ONRLUKZYY2IK0pgPWyKzKwfNEm0+Q1g7bQegKgekRawIKgqzca1h1903X3bHr
            6NfLSSbpnV4iShCV4LUZzkTK3jMlc/yo8WfabwIDAQABAoIBAEuSPQ0ZcAJlz5zG
            bNVb19wkD7I/tdBztpxSxXr5l4RHN0LfxcjgyXHswoXAnQNRhsQNvKR5G91fzJ0a
            KTwS8OaUX0fXwHW22CC37HhqHsk6hVoVO5/bbakpxhDmDt7isFoHOV+NBWd3LK4m
            2NNB7cheUZPiu+k0L9hlWlnwArJQ+LDG1FDUI9ynaxxq8Ikc2GIY9whZZQeA2ril
            ufRLB8p/jPI3kCx4FwC1n+I3We2xgg2qHGJwYD3ihYqiSxDrnYterl0COcmUcbRo
            k1x3mGi0NNx38p0INIh70cvcOScSteY8R+757mC/Q1iEyriL0sO9Nk8mrZKXi537
            vgkr6eECgYEA/K+rvFfG58Fb7oPHvgBMOkFj6cFeDDEu0FeCZF37XKvNe0kyLtGw
            0jaircIDxObjKByfHYH3Xtl9Z3x+Q4PR99E3WuiI6ixseQ+1pLg3ATKg8d3Cw3Tm
            DWimsw00b5kP9IzR+ekjIzG8adMCFxWSfvwgpao0pwodW+JJh+UBxhECgYEA+XlB
            iJc19dmUvuogmhUo2G4ilyv5QNN55cAH6jQ8tQ8Dni1FRRwciLHT9CCiyWrW92ej
            UGorRPhLfo6fySw7WnF9yh55jXjfZ4em6GzFRTawUytJQTvJAdCkZMLVFcpx6HIu
            kIYdsm5G7EmWdm9T2oq4S5wqWcEBE3y032KlGH8CgYEAkd+wWvipgV1k/xrgktWF
            LBRX47iX3J4AEpKSWfLPi746z7N/3vt7AsA7xee9WUyZUqzDRrui3QTdmoKKOdu9
            uTz0oeygLeAbdwAUstUOHAjoVPja2Q+BR7hkk/VJkitgxKMPDSEEAetShB0mlcEE
            Y36WMk1CPDRgoozOOj+AeKECgYEA2Cp0WXnEvPG6zK6sbzbUfKz59gmZYc2cuzJo
            6Uw4Kh8HYIETm62fH+cOpGO/Ck40VI4N2fkU4x9Osyu8UqGsEFN0zrUXWDmbQucs
            /gp56N5ZbMd+IzM9mgAC4nhcERSpHOQLaxl7FAgwFkAxSxBuFVjMFmAL5lexqgQN
            6d5c9dsCgYEAkfll6LwZEkIsHo0egBz59ekdit7SF1ZmgaZbxFJ2DIXIKmTXKkjl
            KFZmls1l+ehz4GLE1jbiHZcf9K6KKZFZppL+W+DKvVfc04hBIEEzZVFJs5YblPak
            L8l8FRTdkoBddSuRkWEuE2EZ/2aQKBBK8XtevTmvwFn36PZpOcJOXI4=
            -----END RSA PRIVATE KEY-----
            """),
        PEMSample(
            name: "PKCS #1 public", algorithm: .RS256, isPrivate: false,
            pem: """
            -----BEGIN RSA PUBLIC KEY-----
            MIIBCgKCAQEA9j6NwcqU5BxILPtF3JldDgm/ZWwtQ10elgfjj+4cTjxz2ijqnMQx
            4LEHJaA+XeOklN/ExCL7KCCb9LuXQDcmhZWxeG7+Jcsmpk5K+QURfiopre/OX9SX
            Uas/IIwbm0OqX+NUJ736lYLviLTT34CHWrBcE9warWIb1L1gwzpdyOQM9yQkJ4Tc
            fsoIMPQUKtuq7PFey1zKnh694A0vTGsCFLg4whc1QZgyJnHHHOw7N9f63+qhtQ7O
            NRLUKZYY2IK0pgPWyKzKwfNEm0+Q1g7bQegKgekRawIKgqzca1h1903X3bHr6NfL
            SSbpnV4iShCV4LUZzkTK3jMlc/yo8WfabwIDAQAB
            -----END RSA PUBLIC KEY-----
            """),
        PEMSample(
            name: "SEC 1, behind its parameters", algorithm: .ES256, isPrivate: true,
            pem: """
            -----BEGIN EC PARAMETERS-----
            BggqhkjOPQMBBw==
            -----END EC PARAMETERS-----
            -----BEGIN EC PRIVATE KEY-----
            MHcCAQEEIFmX66lABwkWjRuIc/NkV9gapFCkzvE40KWrogFFS9BcoAoGCCqGSM49
            AwEHoUQDQgAE8OwEaNocNZD/muY/eCvPxy94bG5Sx+RzT1B5JuAen1xbj1oS9lwL
            r3REj77lvW5n7G6t5Zpzw/LsMgrVEYnOUw==
            -----END EC PRIVATE KEY-----
            """),
        PEMSample(
            name: "certificate", algorithm: .ES256, isPrivate: false,
            pem: """
            -----BEGIN CERTIFICATE-----
            MIIBbzCCARWgAwIBAgIUDCJE+u68mCH0+eTvFnfvWDMJM4cwCgYIKoZIzj0EAwIw
            DDEKMAgGA1UEAwwBdDAgFw0yNjExMjEwMzM1MzFaGA8yMTI2MTAyODAzMzUzMVow
            DDEKMAgGA1UEAwwBdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABPDsBGjaHDWQ
            /5rmP3grz8cveGxuUsfkc09QeSbgHp9cW49aEvZcC690RI++5b1uZ+xureWac8Py
            7DIK1RGJzlOjUzBRMB0GA1UdDgQWBBT+7DKr1ZkuQracuR6zX3IcRnDr3DAfBgNV
            HSMEGDAWgBT+7DKr1ZkuQracuR6zX3IcRnDr3DAPBgNVHRMBAf8EBTADAQH/MAoG
            CCqGSM49BAMCA0gAMEUCIQDFEd404I9OlJ5j20XqieoeVgLSFRu6BH1C23JmySkF
            yAIgAbQIqmPh+GMkt3e/fouNAB3RcA+ceM8LgD/7GaL7968=
            -----END CERTIFICATE-----
            """),
        PEMSample(
            name: "RSA-PSS in PKCS #8", algorithm: .PS256, isPrivate: true,
            pem: """
            -----BEGIN PRIVATE KEY-----
            MIIEvAIBADALBgkqhkiG9w0BAQoEggSoMIIEpAIBAAKCAQEAn6ICoExMwRrYzKwQ
            vqKAXd5y92xK2YkgV4/Z1nuKSGQVipWh0OsTAV6oEHgYcQbHsLETQJWzx3a1jguw
            PV0kiVrazmlttJs7LaLmCUVRHBWshUzmrTD8Hw6xVHD0xQTtE/DBKweEgu1URK9I
            f41zKNF7E7O+oXaHM2twxBS5TH7HJNHZcaNpZQFan7HNIxGBIpUL7A+AUDJEvPjB
            oMiVevKIDYA3HwXJgQ447KCA6bOPH7uhxDNz9wn03y8bw00RhVcgcI6s7jN5GZhm
            isMCW2/TpPKghHhCK4LtOPYQPWfJHgOR7oDBWX/Oqb5+Gr7wBWO0PzCjiK3bQbsj
            u9qLrwIDAQABAoIBABym5JfG+iPS4MTjwWGmIyo2CiaUvl6LOU3eGPhhVjGmHSOx
            tcic2N1vEvVZyPFIiUESl2UJOap8iRvEx05MUImC0DEqRTGchyOq0GUrluJWlY+b
            fO/rEeW1KmkAmT5fovnoRZOmlsc1N+HYIEgcqGXUK6YepgGvF5dIGoZnPdcXxVw3
            0fBaWn2VQlPFHY/Eu5f4c73DR4akHg0P/M0RgEF+m2q6lDdQJ0RJz/Qnt8Vhw3Mb
            z4+wt/SLoGXYI3xUeBzsErQYznh2+LeujUMffdHMV6vlZy+yLm1QWNyVSIN0I/37
            NjoJ5aTgvkriX1OWrNJrMEVNz5tpe4WQ/GQ1DBECgYEA3i2cG1gBW9RFeOY/cR4a
            WBWg6I+iOfmVLddDgco07ryEZF/TelVVzNebRkjMVBOycPrBxshCkJysb7HMn5yT
            S6BibLD04iAtsrqeIBW6EwXWl70IQxfzgwheAaKwoamA5D0SQrE6xEAuKEyqGgSe
            NjNM/vsvX9yqI/iw5bW/3/cCgYEAt+76wtGn6SKeJ7xgBxSQMORMkW81QAdcJ6ao
            yDR02XO99/Ls2lg00Q+JyzpDTKbJ188HEqS1SVnlR6+ltESsOgkqa/hIXSf1xmZ6
            5Y2Lqtx2GRn4GH9xycpa/3VRktzWeZVrhuHdjd9Py9kMxO7urvV0H06JWe5ICC2K
            xsHutAkCgYBJQc6sMWtZRPeXMowOlzdmfdMte1apOQMYN1c571tesGgS1IndV0/Q
            F/NJzG0a99epavUDvzo7hn1Q4tYudqkWkY6CeiJ0gNmwidnjiGZvKUilhZ24yafw
            N40Piv4kf8hQ+VYRCXDwDp1pikW4CHfGNUoY9Oec+xxaegCR7UiT5wKBgQCcWnuz
            bEFN/u1uXcVLf4Fq7kbgQiaD/T2rPxKuzVifGLJduZT5ro2HQawio65d1FI0L3qV
            sImihtZOb9NuQAofc3cqPO5WsgdM1gSWahJV9f42LEsnl/6ESI2+Jl5nd26iABBd
            olaRqUjNwf4G0gz3kRNbIYnEdreoq/4SIvzk8QKBgQCh6+9maJxbDpf3k1VKeUUt
            VTdEhwBG4kwR6ytglrE/2Y6FVPFN1vaDiWWuo85jx+6xg9UvyG07bpHIkGit5D1r
            UisRFpnuZDjMx6LgMcMiohwZml2aNTCDTHBAHc24RC3Sdl0J4EQ/96ZWlsjFJP0y
            2rbjpDgkFodlOhMg1b/+Ww==
            -----END PRIVATE KEY-----
            """),
    ]

    static let encryptedPKCS8 = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjwEutdaheRFwICCAAw
        DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEBFhNQGRqbkDOHoo9EHtFcoEgZDu
        w+Is6PutoCCY12QAa0fpDS9Gm88P+sL3W1Du8jPw0Zr9R3Aab7fRwuqpRphM7jMB
        3a+Q0qBCS8Mv4MPoP/h2WWrMVKXavi3GXz7PUFcHH/G9NqUpjzDPbDkkYYJk5+lM
        tm1TOL9a/UknfAnmR6gHjmBLYG398X9BK8WCzEORKv2H0KGHwT/Lksixl8SZWI4=
        -----END ENCRYPTED PRIVATE KEY-----
        """

    static let encryptedTraditional = """
        -----BEGIN EC PRIVATE KEY-----
        Proc-Type: 4,ENCRYPTED
        DEK-Info: AES-128-CBC,25F3B950F332AE54375B5C43FFE276E0
        
        etoDXAzsVj7NBZQdTCFlqvekHLMl9M3QEok3jQ7VqUCPBX6MLnxY6a0m97k9JRAQ
        zj8k/zpqxLRSKlTCDKOtJt7qeN0JnmtYazeIwQzhsFgOmOeg1kDBjzbnOCHdqGW+
        pKJdgurMRvwGEmPy0XHov0N59aG7NOV8oyv+Ef7iDf8=
        -----END EC PRIVATE KEY-----
        """

    static let rsa1024 = """
        -----BEGIN PRIVATE KEY-----
        MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBAM+90W2jYCEuxczR
        MC3gdUdKn86EB51GyNNk8IP2N6gpt6+kiSxMNpvJq9YEGvPoi/3+hn4TRyim29Ra
        yCdufk8kDD79bRf27YZB5tgDxb8hzdZuUuyLZPr57SsXk1lJl7C0AEwouC9+YlU6
        AIp2xWrpI6QpD7tZA7Dx5MPUw+YPAgMBAAECgYBbWFrLO8hcLuXYvq7RrV3EQELu
        ms2CUYqisUK0s8IbVmSnfdC3QrfMXqwJSfrT/w/3WkCnFTD35g7JXDWgaQxuUmr1
        KYabKPeK4N9F6Dr3+JpzB+iWxcHnKwVEz2zGjaU24i/yWxztaA6ZHnMmpx/IVR8u
        lDaHNyoqOMXwAA9KqQJBAP3wQp9xfVqq4FwBLWdpUj6pu9GmE36ygMYN+dnMPfk5
        PhaIdMSINncH7rOTSX7+mGBcGUx37OouSDxE7dVYUjUCQQDRbYzfgiiOm9vl5VJr
        GjIrkM63Qih5pipQDADB0a2tWOQHbwqvW7hY179FtP9HnnW+1zvNeNoZkuuekeP/
        lh+zAkA8J79QkAz2/oW5pdnAppWCHKlOh74UhGq3ADaQ3q5LrMDFi7vFltL4LZvh
        VGHTwLIOGaMwlzQ7YY1hIZ8JrCuFAkEAhsUWyKZ77vnBkrn2RdH/wyVWwXujjFUw
        GX7/5bpHJ6xyYY5Fs/80LIf6IKOPO8lvQDZF174TrC1tzwdXT5yOHQJAa7goxHRI
        AKHSNHMZYWtg1HZ7cMXKVjQXAA3ym67PtCYBZ5UN2qOOeMCOOfRqvvHLTCXoxjMM
        4TZHVfOUU84OKg==
        -----END PRIVATE KEY-----
        """
}
